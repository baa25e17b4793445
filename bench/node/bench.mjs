// Measures in turns, so that a busy machine slows all alike; prints medians, in F of this wasm build where it is ours.
import {readFileSync} from 'node:fs';
import {gzipSync} from 'node:zlib';
import {createRequire} from 'node:module';
import * as noble from '@digitalbazaar/bbs-signatures';
import './wasm_exec.js';

const require = createRequire(import.meta.url);
const mattr = require('@mattrglobal/pairing-crypto');
const runs = Number(process.argv[2] ?? 21);
const now = () => performance.now();

// Ours: from bytes to the first answer.
const code = readFileSync('core.wasm');
const begun = now();
await new Promise((resolve, reject) => {
  globalThis.core = {ready: resolve};
  const go = new Go();
  WebAssembly.instantiate(code, go.importObject).then(({instance}) => go.run(instance)).catch(reject);
});
const started = now() - begun;
const core = globalThis.core;

const text = s => new TextEncoder().encode(s);
const bytes = hex => Uint8Array.from(Buffer.from(hex, 'hex'));
const messages = Array.from({length: 10}, (_, i) => text(`message number ${i}`));
const shown = [0, 4, 8];
const header = text('header'), presentationHeader = text('nonce');
const secretKey = bytes(core.secret()), publicKey = bytes(core.public());
const ciphersuite = noble.CIPHERSUITES.BLS12381_SHA256;
const signature = await noble.sign({secretKey, publicKey, header, messages, ciphersuite});
const proof = await noble.deriveProof({publicKey, signature, header, messages, presentationHeader, disclosedMessageIndexes: shown, ciphersuite});
const rust = mattr.bbs.bls12381_sha256;
const rustKeys = await rust.generateKeyPair();
const rustSignature = await rust.sign({...rustKeys, header, messages});
const rustRequest = {publicKey: rustKeys.publicKey, header, presentationHeader, signature: rustSignature, verifySignature: false,
  messages: messages.map((value, i) => ({value, reveal: shown.includes(i)}))};
const rustProof = await rust.deriveProof(rustRequest);
const must = ok => {
  if(!ok) {
    throw new Error('a proof does not verify');
  }
};

const operations = {
  'F': () => core.F(),
  'BBS derive, 3 of 10 shown': () => core.derive(),
  'BBS proof parse and verify': () => core.proofVerify(),
  'purse spend prove': () => core.prove(),
  'purse spend parse and verify': () => core.verify(),
  'mint key parsed': () => core.start(),
  '@digitalbazaar/bbs-signatures: derive': () => noble.deriveProof({publicKey, signature, header, messages, presentationHeader, disclosedMessageIndexes: shown, ciphersuite}),
  '@digitalbazaar/bbs-signatures: proof verify': async () => must(await noble.verifyProof({
    publicKey, proof, header, presentationHeader, disclosedMessages: shown.map(i => messages[i]), disclosedMessageIndexes: shown, ciphersuite
  })),
  '@mattrglobal/pairing-crypto: derive': () => rust.deriveProof(rustRequest),
  '@mattrglobal/pairing-crypto: proof verify': async () => must((await rust.verifyProof({
    publicKey: rustKeys.publicKey, header, presentationHeader, proof: rustProof, messages: Object.fromEntries(shown.map(i => [i, messages[i]]))
  })).verified)
};
const times = Object.fromEntries(Object.keys(operations).map(name => [name, []]));
for(let run = 0; run <= runs; run++) {
  for(const [name, operation] of Object.entries(operations)) {
    const start = now();
    await operation();
    if(run > 0) {
      times[name].push(now() - start);
    }
  }
}
const median = list => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const f = median(times.F);
console.log(`node ${process.version}, ${runs} runs in turns\n`);
console.log('| operation in node | ms | in F |\n| --- | ---: | ---: |');
for(const [name, list] of Object.entries(times)) {
  console.log(`| ${name} | ${median(list).toFixed(1)} | ${(median(list) / f).toFixed(2)} |`);
}
const size = name => gzipSync(readFileSync(name), {level: 9}).length / 1e6;
console.log(`\nbytes to first answer (a purse issued and spent, BBS signed and shown, generators hashed): ${started.toFixed(0)} ms, of which in Go ${core.begun.toFixed(0)} ms`);
console.log(`once for each start: tables with the first key ${core.tables.toFixed(0)} ms, the first proof longer than the second by ${core.more.toFixed(0)} ms`);
console.log(`gzip: ${size('core.wasm').toFixed(2)} MB, without bbs and purse ${size('base.wasm').toFixed(2)} MB: the cryptography adds ${(size('core.wasm') - size('base.wasm')).toFixed(2)} MB`);
process.exit(0);
