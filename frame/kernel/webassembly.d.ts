/** What Node.js has of WebAssembly and `types: ["node"]` does not say (W3C, WebAssembly JavaScript Interface). */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  type Module = object;
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>;
  }
  const Module: new (bytes: Uint8Array) => Module;
  const Instance: new (module: Module) => Instance;
  function validate(bytes: Uint8Array): boolean;
}
