/** Why gateways are not connected, the latest reason first. */
export class Troubles {
  readonly #reasons = new Map<string, string>();

  note(gatewayId: string, connected: boolean, reason: string): void {
    this.#reasons.delete(gatewayId);
    if (!connected) this.#reasons.set(gatewayId, reason);
  }

  /** One reason, and how many more gateways are not connected; '' when all are, or none has tried. */
  get text(): string {
    const reasons = [...this.#reasons.values()];
    if (reasons.length === 0) return '';
    return reasons.length === 1 ? reasons[0]! : `${reasons.at(-1)!} (and ${reasons.length - 1} more gateways)`;
  }
}
