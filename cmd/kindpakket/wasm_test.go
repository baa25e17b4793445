package main

import (
	"os"
	"os/exec"
	"testing"
)

// TestTheWalletBuildsForTheBrowser builds what the wallet stands on for js/wasm, where there is no disk and no bbolt.
func TestTheWalletBuildsForTheBrowser(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "build", "kindpakket/credential/...", "kindpakket/ledger", "kindpakket/ledger/rule", "kindpakket/wallet/...")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
