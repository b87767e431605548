// One message from Python's `pack`: uint32 length, JSON header, blobs. Gives the header and typed arrays by name.

/** @typedef {{ values: Float32Array | Uint8Array | Int32Array, shape: number[] }} Values */
/** @typedef {{ header: any, arrays: Record<string, any> }} Message arrays: name → Values */

/** @type {Record<string, typeof Float32Array | typeof Uint8Array | typeof Int32Array>} */
const TYPES = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };

/** @param {Uint8Array | ArrayBuffer} data @returns {Message} */
export function unpack(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  /** @type {Record<string, Values>} */
  const arrays = {};
  for (const [name, { dtype, shape, offset, bytes: size }] of Object.entries(header.arrays)) {
    const start = 4 + length + offset;
    const copy = bytes.slice(start, start + size); // a copy is aligned, a view need not be
    arrays[name] = { values: new TYPES[dtype](copy.buffer), shape };
  }
  return { header, arrays };
}
