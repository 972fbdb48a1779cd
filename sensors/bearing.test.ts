import { describe, expect, it } from 'vitest';
import { BEARINGS, bearingFrequencies, strikesPerTurn } from './bearing.ts';

describe('bearing frequencies', () => {
  it('of the 6205 are those that Case Western publishes', () => {
    const { bpfo, bpfi, bsf, ftf } = bearingFrequencies(BEARINGS['6205']);
    expect(bpfo).toBeCloseTo(3.5848, 3);
    expect(bpfi).toBeCloseTo(5.4152, 3);
    expect(bsf).toBeCloseTo(2.357, 3);
    expect(ftf).toBeCloseTo(0.39828, 4);
  });

  it('of the 6203 are those that Case Western publishes', () => {
    const { bpfo, bpfi, ftf } = bearingFrequencies(BEARINGS['6203']);
    expect(bpfo).toBeCloseTo(3.053, 3);
    expect(bpfi).toBeCloseTo(4.947, 3);
    expect(ftf).toBeCloseTo(0.3817, 3);
  });

  it('of the ZA-2115 give 236.4 Hz outer race at 2000 rpm, as IMS publishes', () => {
    expect((bearingFrequencies(BEARINGS['ZA-2115']).bpfo * 2000) / 60).toBeCloseTo(236.4, 0);
  });

  it('add up: every ball passes each race once per turn of the shaft against the cage', () => {
    for (const geometry of Object.values(BEARINGS)) {
      const { bpfo, bpfi, ftf } = bearingFrequencies(geometry);
      expect(bpfo + bpfi).toBeCloseTo(geometry.balls, 12);
      expect(bpfo).toBeCloseTo(geometry.balls * ftf, 12);
    }
  });

  it('make a ball strike twice per spin and a sound bearing never', () => {
    expect(strikesPerTurn('6205', 'ball')).toBeCloseTo(4.7135, 3);
    expect(strikesPerTurn('6205', 'none')).toBe(0);
  });
});
