/** What opens something: keys, tokens, passwords, alone, beside their label, or in a URL. Texts are normalised. */

/** Access key ids of AWS: long-term, temporary, bearer and context keys. */
const ACCESS_KEY = /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/;
const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d|AGE-SECRET-KEY-1[A-Z0-9]{20}/i;
/** `header.payload.` of a JWT: both are base64url of `{"`. */
const JWT = /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{6,}\./;
const BEARER = /(?<![A-Za-z])bearer {1,4}[A-Za-z0-9._~+/=-]{16}/i;
/** Tokens whose issuers gave them a prefix so that they are found. */
const PREFIXED = /(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{30}|github_pat_[A-Za-z0-9_]{22}|glpat-[A-Za-z0-9_-]{20}|xox[abeprs]-[A-Za-z0-9-]{10}|AIza[A-Za-z0-9_-]{35}|[sr]k_live_[A-Za-z0-9]{16}|npm_[A-Za-z0-9]{36}|sk-[A-Za-z0-9_-]{32}|hv[bs]\.[A-Za-z0-9_-]{24})/;

/** A label, what stands between, and a value. Of a password any value counts; of the others one that looks drawn at random. */
const PASSWORD = /(?<!\p{L})(?:password|passwd|pwd|passphrase|passwort|kennwort|mot de passe|contraseña)['"]? {0,2}[:=] {0,2}['"]?([^\s'",;]{4,64})/giu;
const SECRET = /(?<!\p{L})(?:secret|token|api[ _-]?key|apikey|access[ _-]?key|auth[ _-]?key|encryption[ _-]?key|private[ _-]?key|credentials?|client[ _-]?secret|secret[ _-]?(?:access[ _-]?)?key|authorization)['"]? {0,2}[:=] {0,2}['"]?(?:basic )?([^\s'",;]{8,128})/giu;
/** What is written where no password is. */
const NO_PASSWORD = /^(?:none|null|unknown|n\/a|required|changed|unset|hidden|redacted|yes|no|true|false|\*+|x+|-+|\.+|<.*>|\$\{.*\}|\[.*\])$/i;
const SECRET_BITS_PER_CHAR = 3;

/** A name of the query whose value opens something. */
const QUERY_SECRET = /[?&;](?:access_token|auth|api_?key|key|token|sig|signature|secret|password|passwd|pwd|x-amz-signature|x-amz-security-token|awsaccesskeyid)=[^&#\s]{8}/i;
const URL_CHARS_MAX = 2048;

export function hasAccessKey(text: string): boolean {
  return ACCESS_KEY.test(text);
}

export function hasPrivateKey(text: string): boolean {
  return PRIVATE_KEY.test(text);
}

/** JWTs, bearer tokens, and tokens with a known prefix. */
export function hasToken(text: string): boolean {
  return JWT.test(text) || BEARER.test(text) || PREFIXED.test(text);
}

export function hasLabelledSecret(text: string): boolean {
  for (const match of text.matchAll(PASSWORD)) if (!NO_PASSWORD.test(match[1]!)) return true;
  for (const match of text.matchAll(SECRET)) if (looksRandom(match[1]!)) return true;
  return false;
}

/** Letters and digits, and no letter so often that it would be a word. */
function looksRandom(value: string): boolean {
  if (!/\d/.test(value) || !/[A-Za-z]/.test(value)) return false;
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  const bits = [...counts.values()].reduce((sum, count) => sum - (count / value.length) * Math.log2(count / value.length), 0);
  return bits >= SECRET_BITS_PER_CHAR;
}

/** `scheme://user:password@host`, or a query that says what opens it. */
export function hasUrlCredentials(text: string): boolean {
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    const rest = text.slice(at + 3, at + 3 + URL_CHARS_MAX);
    const url = /^[^\s"'<>]*/.exec(rest)![0];
    const authority = /^[^/?#]*/.exec(url)![0];
    const user = authority.slice(0, Math.max(0, authority.lastIndexOf('@')));
    if (/^[^:]*:./.test(user)) return true;
    if (QUERY_SECRET.test(url)) return true;
    at += url.length; // the rest of it is looked at
  }
  return false;
}
