// Runs a WASI program with the folder of the repository it may read: run.mjs MODULE ARGUMENT…
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [module, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: ['runs', ...args], preopens: { examples: 'examples' } });
const program = await WebAssembly.compile(await readFile(module));
process.exitCode = wasi.start(
  await WebAssembly.instantiate(program, { wasi_snapshot_preview1: wasi.wasiImport }),
);
