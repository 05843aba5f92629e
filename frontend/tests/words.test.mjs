// Every code of the API has a sentence in every language, and no sentence is left without a code.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
/** What the page says of itself, where no server answered. */
const OWN = ['offline'];

const codes = [...read('../../crates/wire/src/codes.rs').matchAll(/^ +[A-Z_0-9]+ = \d+ "(\w+)"/gm)].map(([, code]) => code);

for (const language of ['en', 'de']) {
  test(`each code has its sentence: ${language}`, () => {
    const sentences = [...read(`../src/words/${language}-problems.ts`).matchAll(/^ {2}(\w+): '(.+)',$/gm)];
    const known = sentences.map(([, code]) => code);
    assert.ok(codes.length > 100, `${codes.length} codes were read`);
    assert.deepEqual(known.toSorted(), [...codes, ...OWN].toSorted());
    for (const [, code, sentence] of sentences) assert.match(sentence, /^\p{Lu}.+\.$/u, code);
  });
}

test('no language borrows a sentence from another', () => {
  const of = (language) => new Map([...read(`../src/words/${language}-problems.ts`).matchAll(/^ {2}(\w+): '(.+)',$/gm)].map(([, code, text]) => [code, text]));
  const [en, de] = [of('en'), of('de')];
  for (const [code, text] of en) assert.notEqual(de.get(code), text, code);
});
