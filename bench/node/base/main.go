//go:build js && wasm

// Command base is what a wallet core has without the purse: JSON, hashes, AES, and the door to JavaScript. The size of
// core less this one's is what the cryptography adds.
package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"syscall/js"
	"time"
)

func main() {
	key, err := hkdf.Key(sha256.New, []byte("secret"), nil, "info", 32)
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(map[string]any{"time": time.Now(), "sum": sha256.Sum256(gcm.Seal(nil, make([]byte, 12), key, nil)), "n": new(big.Int).SetBytes(key).String()})
	if err != nil {
		panic(err)
	}
	slog.New(slog.NewTextHandler(os.Stderr, nil)).Debug("started", "text", text, "key", signer.PublicKey)
	js.Global().Set("base", js.FuncOf(func(js.Value, []js.Value) any { return fmt.Sprint(string(text)) }))
	select {}
}
