package house

// A Floorplan says what may stand where.
type Floorplan struct {
	Module string // path of the module, from which imports of its own packages are told

	// Floors are directories, from the ground up. A package belongs to the longest of them that holds it; packages of one directory
	// may use one another. Others may be used only from a floor above. What belongs to none has no place in the house.
	Floors [][]string

	// Beside are the arrows between neighbours of one floor that are allowed all the same.
	Beside []Arrow

	// Rooms never see one another, in tests neither.
	Rooms []string

	// Doors are the third-party modules, with the directories that may use them. A module without a door may not be used.
	Doors []Door

	// Pure are the packages (exactly these, and those below where a path ends in /...) without input, output, clock and randomness.
	Pure []string

	// Never are arrows that must not exist, not by way of other packages either.
	Never []Ban

	// Skip are directories that are not looked at.
	Skip []string
}

// An Arrow is a use of package directory To by From.
type Arrow struct{ From, To string }

// A Door says who may use a module.
type Door struct {
	Module string   // import path, or the beginning of it up to a slash
	Dirs   []string // that may use it; none: everybody
	Tests  bool     // in test files, and packages named …test, only
	Only   []string // packages of the module that may be used; none: all
}

// A Ban says what a directory's packages must not reach.
type Ban struct {
	From string
	To   []string
}

// Plan is the floor plan of this module.
var Plan = Floorplan{
	Module: "kindpakket",
	Floors: [][]string{
		{"credential/jose", "credential/bbs", "credential/did", "credential/budget"},
		{"credential/sdjwt", "credential/status", "credential/dcql", "credential/purse"},
		{"credential/oid4vci", "credential/oid4vp", "credential/catalog"},
		{"internal/aries", "internal/live", "internal/serve", "internal/problem", "internal/web"},
		{"ledger"},
		{"ledger/rule"},
		{"wallet", "issuer", "verifier", "ledger/bolt", "ledger/remote", "ledger/witness", "ledger/audit", "ledger/ledgertest"},
		{"ledger/cluster"},
		{"cmd/kindpakket", "cmd/walletwasm", "internal/testnet", "internal/house", "internal/mutants"},
	},
	Beside: []Arrow{
		{"internal/serve", "internal/problem"}, // a handler made of a function answers its errors
	},
	Rooms: []string{"wallet", "issuer", "verifier"},
	Doors: []Door{
		{Module: "github.com/lestrrat-go/jwx/v2", Dirs: []string{"credential/jose"}, Only: []string{"jws", "jwe", "jwk", "jwa"}}, // never jwt: GHSA-4cf7-xm37-g63h
		{Module: "github.com/hyperledger/aries-framework-go", Dirs: []string{"internal/aries"}},
		{Module: "github.com/google/tink/go", Dirs: []string{"internal/aries"}},
		{Module: "go.etcd.io/bbolt", Dirs: []string{"ledger/bolt", "ledger/cluster", "issuer", "verifier", "wallet/vault", "internal/aries"}},
		{Module: "github.com/gorilla/websocket", Dirs: []string{"internal/live"}},
		{Module: "github.com/consensys/gnark-crypto", Dirs: []string{"credential/bbs", "credential/purse"}},
		{Module: "golang.org/x/mod", Dirs: []string{"ledger"}, Only: []string{"sumdb/tlog", "sumdb/note"}},
		{Module: "github.com/transparency-dev/formats", Dirs: []string{"ledger"}},
		{Module: "github.com/transparency-dev/merkle", Dirs: []string{"ledger"}},
		{Module: "filippo.io/mldsa", Dirs: []string{"ledger"}},
		{Module: "github.com/cometbft/cometbft", Dirs: []string{"ledger/cluster"}},
		{Module: "github.com/tyler-smith/go-bip39", Dirs: []string{"credential/purse"}},
		{Module: "github.com/xuri/excelize/v2", Dirs: []string{"issuer"}},
		{Module: "rsc.io/qr", Dirs: []string{"internal/web"}},
		{Module: "github.com/evanw/esbuild", Dirs: []string{"internal/web"}},
		{Module: "github.com/coreos/go-oidc/v3", Dirs: []string{"issuer"}},
		{Module: "github.com/go-webauthn/webauthn", Dirs: []string{"issuer", "verifier"}},
		{Module: "github.com/nicksnyder/go-i18n/v2"},
		{Module: "github.com/alecthomas/kong", Dirs: []string{"cmd/kindpakket"}},
		{Module: "github.com/pelletier/go-toml/v2", Dirs: []string{"cmd/kindpakket"}},
		{Module: "github.com/schollz/progressbar/v3", Dirs: []string{"cmd/kindpakket"}},
		{Module: "golang.org/x/term", Dirs: []string{"cmd/kindpakket"}},
		{Module: "github.com/prometheus/client_golang"},
		{Module: "golang.org/x/crypto"},
		{Module: "golang.org/x/sync"},
		{Module: "golang.org/x/text"},
		{Module: "pgregory.net/rapid", Tests: true},
		{Module: "github.com/rogpeppe/go-internal", Tests: true},
		{Module: "github.com/anishathalye/porcupine", Tests: true},
		{Module: "github.com/chromedp/chromedp", Tests: true},
		{Module: "github.com/chromedp/cdproto", Tests: true},
	},
	Pure: []string{"credential/...", "ledger", "ledger/rule"},
	Never: []Ban{
		// The demo starts the same binary as separate processes and uses only its command line and HTTP.
		{From: "cmd/kindpakket/demo", To: []string{"issuer", "verifier", "wallet", "ledger/bolt", "ledger/cluster", "internal/testnet"}},
		// The wallet's core runs in a browser.
		{From: "cmd/walletwasm", To: []string{"internal/aries", "internal/serve"}},
		{From: "wallet", To: []string{"internal/aries", "internal/serve"}},
	},
	Skip: []string{"internal/zdeps"}, // not under version control: keeps modules in go.mod for rooms that are being built
}
