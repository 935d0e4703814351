//! Labels as types.

use std::fmt::Debug;

use prometheus_client::encoding::EncodeLabelSet;

/// A label: a closed set of values.
pub trait Label: Copy + Debug + Send + Sync + 'static {
    /// How many values.
    const COUNT: usize;

    /// Its place among them, below [`Label::COUNT`].
    fn index(self) -> usize;

    /// The value at a place.
    fn nth(index: usize) -> Option<Self>;

    /// As exposed.
    fn name(self) -> &'static str;
}

/// The labels of a metric: every combination has a place.
pub trait LabelSet: EncodeLabelSet + Copy + Debug + Send + Sync + 'static {
    /// How many combinations.
    const COUNT: usize;

    /// Its place among them, below [`LabelSet::COUNT`].
    fn index(self) -> usize;

    /// The combination at a place.
    fn nth(index: usize) -> Option<Self>;

    /// The names of the labels, each with its values.
    fn values() -> Vec<(&'static str, Vec<&'static str>)>;
}

/// The names of all values of a label.
pub fn names<L: Label>() -> Vec<&'static str> {
    (0..L::COUNT).filter_map(L::nth).map(L::name).collect()
}

/// Declares a label as an enum with the names of its values.
#[macro_export]
macro_rules! label {
    ($(#[$meta:meta])* $kind:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind { $($(#[$doc])* $variant,)+ }

        impl $kind {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl $crate::metrics::Label for $kind {
            const COUNT: usize = Self::ALL.len();

            fn index(self) -> usize {
                self as usize
            }

            fn nth(index: usize) -> Option<Self> {
                Self::ALL.get(index).copied()
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

/// Declares the labels of a metric as a struct; a field's name is the label's.
#[macro_export]
macro_rules! label_set {
    ($(#[$meta:meta])* $kind:ident { $($(#[$doc:meta])* $field:ident: $label:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $kind { $($(#[$doc])* pub $field: $label,)+ }

        impl $crate::metrics::LabelSet for $kind {
            const COUNT: usize = 1 $(* <$label as $crate::metrics::Label>::COUNT)+;

            fn index(self) -> usize {
                let place = 0;
                $(let place = place * <$label as $crate::metrics::Label>::COUNT
                    + $crate::metrics::Label::index(self.$field);)+
                place
            }

            fn nth(index: usize) -> Option<Self> {
                let below = <Self as $crate::metrics::LabelSet>::COUNT;
                $(
                    let count = <$label as $crate::metrics::Label>::COUNT;
                    let below = below / count;
                    let $field = <$label as $crate::metrics::Label>::nth(index / below % count)?;
                )+
                (index < <Self as $crate::metrics::LabelSet>::COUNT).then_some(Self { $($field),+ })
            }

            fn values() -> Vec<(&'static str, Vec<&'static str>)> {
                vec![$((stringify!($field), $crate::metrics::label_names::<$label>())),+]
            }
        }

        impl $crate::metrics::prometheus_client::encoding::EncodeLabelSet for $kind {
            fn encode(
                &self,
                encoder: &mut $crate::metrics::prometheus_client::encoding::LabelSetEncoder<'_>,
            ) -> std::fmt::Result {
                use $crate::metrics::prometheus_client::encoding::EncodeLabel;
                $((stringify!($field), $crate::metrics::Label::name(self.$field))
                    .encode(encoder.encode_label())?;)+
                Ok(())
            }
        }
    };
}
