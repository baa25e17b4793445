// The peer: reads one request a line, answers one line. Byte strings are hexadecimal.
import * as bbs from '@digitalbazaar/bbs-signatures';
import {createInterface} from 'node:readline';

const bytes = hex => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = b => Buffer.from(b).toString('hex');

const operations = {
  keys: async r => {
    const pair = await bbs.generateKeyPair({ciphersuite: r.suite});
    return {secret: hex(pair.secretKey), public: hex(pair.publicKey)};
  },
  public: async r => ({public: hex(await bbs.secretKeyToPublicKey({secretKey: bytes(r.secret), ciphersuite: r.suite}))}),
  sign: async r => ({signature: hex(await bbs.sign({
    secretKey: bytes(r.secret), publicKey: bytes(r.public), header: bytes(r.header),
    messages: r.messages.map(bytes), ciphersuite: r.suite
  }))}),
  verify: async r => ({ok: await bbs.verifySignature({
    publicKey: bytes(r.public), signature: bytes(r.signature), header: bytes(r.header),
    messages: r.messages.map(bytes), ciphersuite: r.suite
  })}),
  prove: async r => ({proof: hex(await bbs.deriveProof({
    publicKey: bytes(r.public), signature: bytes(r.signature), header: bytes(r.header),
    presentationHeader: bytes(r.presentation), messages: r.messages.map(bytes),
    disclosedMessageIndexes: r.shown, ciphersuite: r.suite
  }))}),
  verifyProof: async r => ({ok: await bbs.verifyProof({
    publicKey: bytes(r.public), proof: bytes(r.proof), header: bytes(r.header),
    presentationHeader: bytes(r.presentation), disclosedMessages: r.shown.map(i => bytes(r.messages[i])),
    disclosedMessageIndexes: r.shown, ciphersuite: r.suite
  })})
};

for await (const line of createInterface({input: process.stdin})) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await operations[request.op](request);
  } catch(e) {
    answer = {ok: false, error: String(e)};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
