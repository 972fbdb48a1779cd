/** A strict reader of the XML that tests look at: no entities but numeric ones, no CDATA, no comments; anything else throws. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

const DECLARATION = /^<\?xml version="1\.0" encoding="UTF-8"\?>\n/;
const TAG = /<(\/?)([a-z-]+)((?: [a-z-]+="[^"<]*")*)(\/?)>/y;
/** XML 1.0, section 2.2. */
const FORBIDDEN = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

export function parseXml(document: string): Element {
  if (FORBIDDEN.test(document)) throw new Error('a character that XML 1.0 forbids');
  if (!DECLARATION.test(document)) throw new Error('no XML declaration');
  const open: { name: string; attributes: Record<string, string>; children: Element[]; text: string }[] = [{ name: '', attributes: {}, children: [], text: '' }];
  let at = document.indexOf('\n') + 1;
  while (at < document.length) {
    const top = open.at(-1)!;
    const next = document.indexOf('<', at);
    top.text += unescape(document.slice(at, next < 0 ? document.length : next));
    if (next < 0) break;
    TAG.lastIndex = next;
    const match = TAG.exec(document);
    if (!match) throw new Error(`no tag at ${next}: ${document.slice(next, next + 40)}`);
    at = TAG.lastIndex;
    const [, closing, name, attributes, empty] = match as unknown as [string, string, string, string, string];
    if (closing === '') {
      const element = { name, attributes: parseAttributes(attributes), children: [], text: '' };
      top.children.push(element);
      if (empty === '') open.push(element);
    } else if (open.pop()?.name !== name) throw new Error(`${name} closes another element`);
  }
  const [document_] = open;
  if (open.length !== 1 || document_!.children.length !== 1 || document_!.text.trim() !== '') throw new Error('not one whole element');
  return document_!.children[0]!;
}

function parseAttributes(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/ ([a-z-]+)="([^"]*)"/g)) {
    if (name! in found) throw new Error(`attribute ${name!} twice`);
    found[name!] = unescape(value!);
  }
  return found;
}

function unescape(text: string): string {
  if (/&(?!#\d+;)/.test(text)) throw new Error(`a bare &: ${text}`);
  return text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
