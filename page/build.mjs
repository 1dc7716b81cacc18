// Bundles the one foreign library of the chat page, with the licences of all that is in it.
// Usage: node build.mjs [FOLDER]   (default: where the server serves it from)
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const folder = process.argv[2] ?? "../harness/server/page/static/vendor";
await mkdir(folder, { recursive: true });

const { metafile } = await build({
  stdin: {
    contents: 'export { RealtimeClient } from "@supabase/realtime-js";',
    resolveDir: here,
  },
  outfile: join(folder, "realtime-js.js"),
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "esm",
  target: "es2022",
  legalComments: "none", // whole, in the file beside it
  banner: { js: "// @supabase/realtime-js and what it needs; licences in LICENSES.txt beside it." },
  metafile: true,
  logLevel: "warning",
});

// Of "node_modules/@supabase/phoenix/priv/x.js" the package is "@supabase/phoenix".
const packages = new Set(
  Object.keys(metafile.inputs)
    .map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
    .filter(Boolean),
);
const parts = [];
for (const name of [...packages].sort()) {
  const home = join(here, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
  parts.push(`${name} ${version} (${license})\n\n${(await licenceOf(name, home)).trim()}\n`);
}
await writeFile(join(folder, "LICENSES.txt"), parts.join(`\n${"-".repeat(78)}\n\n`));

async function licenceOf(name, home) {
  for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt"]) {
    try {
      return await readFile(join(home, file), "utf8");
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  throw new Error(`${name}: no licence file found; its text must be shipped with its code`);
}
