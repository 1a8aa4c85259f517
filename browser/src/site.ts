// What is in the site: `site.json`, which `impasto web build` writes, and its files, loaded with progress.

/** A model as `impasto export` describes it in `model.json`. */
export interface Description {
  readonly name: string;
  readonly styles: readonly string[];
  readonly style_size: number;
  readonly style_vectors: string | null;
  readonly identity: string | null;
  readonly palette_size: number;
  readonly least_side: number;
  readonly painter: { readonly files: Files };
  readonly reader?: { readonly files: Files; readonly least_side: number; readonly long_side: number };
}

type Files = Readonly<Record<string, { readonly file: string; readonly bytes: number }>>;

export interface Style {
  readonly name: string;
  readonly model: string;
  readonly thumbnail: string;
}

export interface Site {
  readonly impasto: string;
  readonly release: string;
  readonly runtime: Runtime;
  readonly webgpu?: Runtime;
  readonly models: readonly { readonly folder: string; readonly description: Description }[];
  readonly styles: readonly Style[];
  readonly samples: readonly { readonly name: string; readonly file: string; readonly credit: string }[];
  /** Path → bytes of every file. */
  readonly files: Readonly<Record<string, number>>;
}

export interface Runtime {
  readonly module: string;
  readonly wasm: string;
}

/** A mistake that the page tells in a sentence; `key` names the text. */
export class Problem extends Error {
  constructor(readonly key: string, readonly values: Record<string, string | number> = {}) {
    super(key);
  }
}

/** Loads files of the site, and tells how much of what was asked for is here. */
export class Loader {
  private loaded = 0;
  private total = 0;

  constructor(
    private readonly base: string,
    private readonly site: Site,
    private readonly tell: (loaded: number, total: number) => void,
  ) {}

  address(path: string): string {
    return new URL(path, this.base).href;
  }

  async bytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const expected = this.site.files[path] ?? 0;
    this.total += expected;
    let received = 0;
    try {
      const response = await fetch(this.address(path));
      if (!response.ok || !response.body) throw new Problem("problem.download", { file: path });
      const counted = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          received += chunk.length;
          this.tell((this.loaded += chunk.length), this.total);
          controller.enqueue(chunk);
        },
      });
      const bytes = await allOf(response.body.pipeThrough(counted));
      // Compressed by the build, as not every host does it; one that does has undone it already.
      const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
      return isPacked ? await allOf(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))) : bytes;
    } catch (error) {
      throw error instanceof Problem ? error : new Problem("problem.download", { file: path });
    } finally {
      this.loaded -= received;
      this.total -= expected;
    }
  }
}

async function allOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}

/** The rows of a NumPy file of float32, (rows, columns). */
export function rowsOfNpy(bytes: Uint8Array<ArrayBuffer>): Float32Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isFirst = bytes[6] === 1;
  const length = isFirst ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = (isFirst ? 10 : 12) + length;
  const header = new TextDecoder("latin1").decode(bytes.subarray(0, start));
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header);
  if (!shape || !header.includes("'<f4'")) throw new Problem("problem.download", { file: "styles.npy" });
  const [rows, columns] = [Number(shape[1]), Number(shape[2])];
  const values = new Float32Array(bytes.slice(start).buffer);
  return Array.from({ length: rows }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
}
