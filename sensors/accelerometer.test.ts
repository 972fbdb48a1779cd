import { describe, expect, it } from 'vitest';
import { codeOf, digitise, IIS3DWB, noiseRmsG } from './accelerometer.ts';
import { randomStream } from './random.ts';

describe('the accelerometer', () => {
  it('rounds to the nearest of its steps of 0.488 mg', () => {
    const step = 16 / 32_768;
    expect([0, 0.49, 0.51, -0.51, 1000.2].map((steps) => codeOf(steps * step, 16) + 0)).toEqual([0, 0, 1, -1, 1000]);
  });

  it('saturates at both ends instead of wrapping round', () => {
    expect([16, 17, 1e9, Infinity].map((g) => codeOf(g, 16))).toEqual([32_767, 32_767, 32_767, 32_767]);
    expect([-16, -17, -1e9, -Infinity].map((g) => codeOf(g, 16))).toEqual([-32_768, -32_768, -32_768, -32_768]);
    const codes = digitise(Float64Array.of(50, -50), 0, IIS3DWB, randomStream(1, 'saturation'));
    expect([...codes]).toEqual([32_767, -32_768]);
  });

  it('at rest shows its offset and 75 µg/√Hz of noise', () => {
    const codes = digitise(new Float64Array(100_000), 0.02, IIS3DWB, randomStream(1, 'rest'));
    const mean = codes.reduce((a, b) => a + b, 0) / codes.length;
    const rms = Math.sqrt(codes.reduce((sum, code) => sum + (code - mean) ** 2, 0) / codes.length);
    expect((mean * 16) / 32_768).toBeCloseTo(0.02, 3);
    expect(noiseRmsG(IIS3DWB)).toBeCloseTo(0.00866, 5);
    expect(Math.abs((rms * 16) / 32_768 / noiseRmsG(IIS3DWB) - 1)).toBeLessThan(0.02);
  });

  it('has a full scale that 32-bit floats hold', () => {
    expect(Math.fround(IIS3DWB.fullScaleG)).toBe(IIS3DWB.fullScaleG);
  });
});
