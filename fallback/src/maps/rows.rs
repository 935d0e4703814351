//! Rows that never move.

/// Rows in chunks, numbered from zero: adding one copies no others.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Rows<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds one and returns its number.
    pub(crate) fn push(&mut self, row: T) -> u32 {
        let number = self.len;
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(row),
            last => {
                // A table with few rows stays small.
                let room = if last.is_some() { CHUNK } else { 1 };
                let mut chunk = Vec::with_capacity(room);
                chunk.push(row);
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
        // Memory ends long before this.
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let (chunk, place) = place(number);
        self.chunks.get(chunk)?.get(place)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (chunk, place) = place(number);
        self.chunks.get_mut(chunk)?.get_mut(place)
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Those from this number on.
    pub(crate) fn from(&self, number: u32) -> impl Iterator<Item = &T> {
        let (chunk, place) = place(number);
        let chunks = self.chunks.get(chunk..).unwrap_or_default();
        chunks.iter().enumerate().flat_map(move |(nth, chunk)| {
            let skip = if nth == 0 { place } else { 0 };
            chunk.get(skip..).unwrap_or_default()
        })
    }

    /// The number of the first row for which this is false, where all before it are true.
    pub(crate) fn partition_point(&self, mut is_before: impl FnMut(&T) -> bool) -> u32 {
        let chunk = self
            .chunks
            .partition_point(|chunk| chunk.last().is_some_and(&mut is_before));
        let inside = self.chunks.get(chunk);
        let number = inside.map_or(self.len, |inside| {
            chunk * CHUNK + inside.partition_point(is_before)
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

fn place(number: u32) -> (usize, usize) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    (number >> CHUNK_BITS, number & (CHUNK - 1))
}
