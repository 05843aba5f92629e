import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const DIST = process.env['PAGE_DIST'] ?? 'dist';
const MARKETPLACE = process.env['MARKETPLACE_URL'] ?? 'http://127.0.0.1:8020';

// The server has no compressor of its own: what is worth it is kept compressed beside the original.
function compressed(): Plugin {
  const walk = (folder: string): string[] =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? walk(path) : [path];
    });
  return {
    name: 'compressed',
    apply: 'build',
    buildStart: () => rmSync(join(DIST, 'assets'), { recursive: true, force: true }),
    closeBundle() {
      for (const path of walk(DIST)) {
        if (!/\.(js|css|html|svg|webmanifest)$/.test(path)) continue;
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

// The server embeds `dist` and serves it below /marketplace/.
export default defineConfig({
  base: '/marketplace/',
  plugins: [svelte(), compressed()],
  build: {
    outDir: DIST,
    // The folder holds a file that is in the repository.
    emptyOutDir: false,
    target: 'es2022',
    // Inline scripts and data: URLs are refused by our Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      '/api': MARKETPLACE,
      '/agent_card.json': MARKETPLACE,
      '/readyz': MARKETPLACE,
    },
  },
});
