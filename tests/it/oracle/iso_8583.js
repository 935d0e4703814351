// Speaks for iso_8583 of npm. Lines of standard input and output as in pyiso8583.py.

'use strict';

const fs = require('fs');
const Iso = require('iso_8583');

const PREFIXES = { 2: 'llvar', 3: 'lllvar' };

// The library's table, made of the profile. It counts bytes in hex digits.
function table(profile) {
  const rows = {};
  for (const [number, field] of Object.entries(profile.fields)) {
    rows[number] = {
      ContentType: field.content,
      Label: number,
      LenType: field.prefix ? PREFIXES[field.prefix.bytes] : 'fixed',
      MaxLen: field.coding === 'raw' ? 2 * field.max : field.max,
    };
  }
  return rows;
}

function answer(question, rows, profile) {
  const { t, ...fields } = question.fields;
  const reader = new Iso({ 0: t }, rows);
  const read = reader.getIsoJSON(Buffer.from(question.bytes, 'hex'), { lenHeader: false });
  if (read.error) return { error: String(read.error) };
  const wrote = new Iso({ 0: t, ...fields }, rows).getBufferMessage();
  if (wrote.error) return { error: String(wrote.error) };
  const ours = { t: read[0] };
  for (const [number, text] of Object.entries(read)) {
    if (number === '0') continue;
    const isBytes = profile.fields[number].content === 'b';
    ours[number] = isBytes ? text.toUpperCase() : text;
  }
  // Without its two bytes of length.
  return { read: ours, wrote: wrote.subarray(2).toString('hex') };
}

const [first, ...lines] = fs.readFileSync(0, 'utf8').trimEnd().split('\n');
const profile = JSON.parse(first);
const rows = table(profile);
const answers = lines.map((line) => {
  try {
    return answer(JSON.parse(line), rows, profile);
  } catch (error) {
    // Whatever it throws on a message, the message is what it is about.
    return { error: String(error) };
  }
});
fs.writeSync(1, answers.map((each) => JSON.stringify(each) + '\n').join(''));
