//go:build js && wasm

// Command core offers the operations of credential/bbs and credential/purse to bench.mjs.
package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"syscall/js"
	"time"

	"kindpakket/credential/bbs"
	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/purse"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	begun := time.Now()
	offer := func(name string, do func() any) {
		js.Global().Get("core").Set(name, js.FuncOf(func(js.Value, []js.Value) any { return do() }))
	}
	base()

	header := purse.Header{Origin: "ledger.example", Fund: "kindpakket", Period: "2027"}
	// What a phone pays once: the tables of the generators with the first key, and more of them with the first proof.
	first := time.Now()
	must(purse.ParseKey(header, must(hex.DecodeString(g2))))
	tables := time.Since(first)
	mint := must(purse.NewMint(rand.Reader, header))
	holder := purse.NewHolder(must(purse.ParseWords(must(purse.NewWords(rand.Reader)))), mint.Key())
	id := make([]byte, 32)
	rand.Read(id)
	p := must(holder.Accept(id, 25000, must(mint.Issue(must(holder.Request(rand.Reader, id)), id, 25000))))
	step := purse.Step{Kind: purse.Purchase, Amount: 1250, Bind: sha256.Sum256([]byte("order"))}
	first = time.Now()
	proof := must(holder.Spend(rand.Reader, p, step)).Bytes()
	second := time.Now()
	must(holder.Spend(rand.Reader, p, step))
	js.Global().Get("core").Set("tables", tables.Seconds()*1000)
	js.Global().Get("core").Set("more", (second.Sub(first)-time.Since(second)).Seconds()*1000)
	offer("prove", func() any { must(holder.Spend(rand.Reader, p, step)); return nil })
	offer("verify", func() any {
		must(mint.Key().Verify(must(purse.ParseSpend(purse.Purchase, proof)), step.Bind, nil))
		return nil
	})
	// What a phone does first: a key from the ledger and tables for it. P1 and the generators come embedded.
	offer("start", func() any { must(purse.ParseKey(header, mint.Key().Bytes())); return nil })

	point, k := curve.SHA256.P1(), curve.RandomScalar()
	multiple, lines := curve.MultiplySecret(point, k), curve.NewLines(curve.MultiplySecretG2(k))
	offer("F", func() any {
		if !curve.PairsEqual(point, lines, multiple) {
			panic("a true equation does not hold")
		}
		return nil
	})

	material := make([]byte, 32)
	rand.Read(material)
	key := must(bbs.KeyGen(bbs.SHA256, material, nil))
	public := key.Public()
	bbsHeader, nonce := []byte("header"), []byte("nonce")
	messages, disclosed := make([][]byte, 10), make(map[int][]byte)
	for i := range messages {
		messages[i] = fmt.Appendf(nil, "message number %d", i)
	}
	shown := []int{0, 4, 8}
	for _, i := range shown {
		disclosed[i] = messages[i]
	}
	sig := must(key.Sign(bbsHeader, messages))
	bbsProof := must(public.ProofGen(sig, bbsHeader, nonce, messages, shown)).Bytes()
	offer("derive", func() any { must(public.ProofGen(sig, bbsHeader, nonce, messages, shown)); return nil })
	offer("proofVerify", func() any {
		check(public.ProofVerify(must(bbs.ParseProof(bbsProof)), bbsHeader, nonce, disclosed))
		return nil
	})
	offer("secret", func() any { return hex.EncodeToString(key.Bytes()) })
	offer("public", func() any { return hex.EncodeToString(public.Bytes()) })
	js.Global().Get("core").Set("begun", time.Since(begun).Seconds()*1000)
	js.Global().Get("core").Call("ready")
	select {}
}

// g2 is the generator of G2, which is as good a mint key as any to make tables with.
const g2 = "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e" +
	"024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"

// base is what command base has.
func base() {
	key := must(hkdf.Key(sha256.New, []byte("secret"), nil, "info", 32))
	gcm := must(cipher.NewGCM(must(aes.NewCipher(key))))
	signer := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	text := must(json.Marshal(map[string]any{"time": time.Now(), "sum": sha256.Sum256(gcm.Seal(nil, make([]byte, 12), key, nil)), "n": new(big.Int).SetBytes(key).String()}))
	slog.New(slog.NewTextHandler(os.Stderr, nil)).Debug("started", "text", text, "key", signer.PublicKey)
}
