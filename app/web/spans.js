// Where a citation lies in a source. The contract counts Unicode code points of the document's stored text;
// JavaScript's strings count UTF-16 units. All arithmetic here is on arrays of code points.

/** [start, end) of a citation inside source.text, in code points; null when the quote is not there. */
export function spanOf(source, citation) {
  const text = Array.from(source.text);
  const start = citation.start - source.start;
  const end = citation.end - source.start;
  if (start >= 0 && end <= text.length && text.slice(start, end).join("") === citation.quote) return [start, end];
  const unit = citation.quote ? source.text.indexOf(citation.quote) : -1; // units: the offsets were no help
  if (unit < 0) return null;
  const found = Array.from(source.text.slice(0, unit)).length;
  return [found, found + Array.from(citation.quote).length];
}

/** Cut a text at the spans' edges: [{text, markers}], in order, adding up to the text. spans: [[start, end, marker]]. */
export function pieces(text, spans) {
  const points = Array.from(text);
  const edges = [...new Set([0, points.length, ...spans.flatMap(([start, end]) => [start, end])])].sort((a, b) => a - b);
  return edges.slice(1).map((end, i) => ({
    text: points.slice(edges[i], end).join(""),
    markers: spans.filter(([from, to]) => from <= edges[i] && end <= to).map(([, , marker]) => marker),
  }));
}

const ENDED = /[.:!?؟。：！？]/u; // what follows may be a heading
const LISTED = /^(\s|[-•*#|]|\d+[.)]\s)/u; // a paragraph, a list's item or a table's row begins

/** Split at the line breaks a page layout made (long line, then more text): [{text, soft}]. */
export function lines(text) {
  const parts = [];
  let kept = 0;
  let lineStart = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    const soft = at - lineStart >= 45 && at + 1 < text.length
      && !ENDED.test(text[at - 1]) && !LISTED.test(text.slice(at + 1, at + 6));
    if (soft) {
      parts.push({ text: text.slice(kept, at), soft: false }, { text: "\n", soft: true });
      kept = at + 1;
    }
    lineStart = at + 1;
  }
  parts.push({ text: text.slice(kept), soft: false });
  return parts.filter((part) => part.text);
}
