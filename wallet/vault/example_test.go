package vault_test

import (
	"crypto/rand"
	"errors"
	"fmt"

	"kindpakket/wallet/vault"
)

func Example() {
	store := new(vault.Memory) // or vault.OpenFile("wallet.db")
	v, err := vault.Create(store, []byte("a long passphrase"), vault.Params{Time: 1, Memory: 8, Threads: 1}, rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := v.Put("card/1", []byte("what the shop need not know")); err != nil {
		fmt.Println(err)
		return
	}
	v.Close()

	_, err = vault.Open(store, []byte("a guess"), rand.Reader)
	fmt.Println(errors.Is(err, vault.ErrPassphrase))
	v, err = vault.Open(store, []byte("a long passphrase"), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	card, err := v.Get("card/1")
	fmt.Println(string(card), err)
	// Output:
	// true
	// what the shop need not know <nil>
}
