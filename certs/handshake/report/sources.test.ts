import { describe, expect, it } from 'vitest';
import { HOSTILE } from './report.fixture.ts';
import { sourceUrl } from './sources.ts';

describe('a source', () => {
  it.each([
    ['RFC 8446 4.1.2', 'https://www.rfc-editor.org/rfc/rfc8446.html#section-4.1.2'],
    ['RFC 8446 section 4.2', 'https://www.rfc-editor.org/rfc/rfc8446.html#section-4.2'],
    ['RFC 5246 §7.4.1, §7.4.2', 'https://www.rfc-editor.org/rfc/rfc5246.html#section-7.4.1'],
    ['RFC 8446 D.5', 'https://www.rfc-editor.org/rfc/rfc8446.html#appendix-D.5'],
    ['RFC 8446, appendix D', 'https://www.rfc-editor.org/rfc/rfc8446.html#appendix-D'],
    ['RFC 8996', 'https://www.rfc-editor.org/rfc/rfc8996.html'],
    ['RFC 9325 (BCP 195)', 'https://www.rfc-editor.org/rfc/rfc9325.html'],
    ['RFC 7301 and others', 'https://www.rfc-editor.org/rfc/rfc7301.html'],
    ['BCP 195', 'https://www.rfc-editor.org/info/bcp195'],
    ['draft-ietf-tls-ecdhe-mlkem', 'https://datatracker.ietf.org/doc/draft-ietf-tls-ecdhe-mlkem/'],
    ['MQTT 3.1.1 3.1.0', 'https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html'],
    ['MQTT 5 4.4', 'https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html'],
    ['NIST SP 800-52r2 3.1', 'https://csrc.nist.gov/pubs/sp/800/52/r2/final'],
    ['NIST SP 800-131A Rev. 2', 'https://csrc.nist.gov/pubs/sp/800/131/a/r2/final'],
    ['FIPS 186-5', 'https://csrc.nist.gov/pubs/fips/186-5/final'],
    ['CVE-2014-3566', 'https://nvd.nist.gov/vuln/detail/CVE-2014-3566'],
    ['CWE-295', 'https://cwe.mitre.org/data/definitions/295.html'],
    ['AWS IoT Device Advisor', 'https://docs.aws.amazon.com/iot/latest/developerguide/device-advisor-tests.html'],
    ['CA/Browser Forum BR 7.1', 'https://cabforum.org/working-groups/server/baseline-requirements/requirements/'],
  ])('%s is read at its publisher', (source, url) => {
    expect(sourceUrl(source)).toBe(url);
  });

  it.each(['what everybody does', 'javascript:alert(1)', HOSTILE, ''])('that is not known has no address, case %#', (source) => {
    expect(sourceUrl(source)).toBeUndefined();
  });
});
