// Command crypto measures credential/bbs and credential/purse, and beside them the peers that Go has: the BBS+ of
// aries-framework-go and the Idemix of gabi. Everything is given in F, one check of two pairings with prepared lines,
// measured in turns with the operation.
//
//	cd bench && go run ./crypto
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
)

func main() {
	runs := flag.Int("runs", 31, "turns of each operation")
	peers := flag.Bool("peers", true, "measure the peers too")
	flag.Parse()
	m := &meter{unit: pairingCheck()}
	m.measure("F", "", *runs, 1, m.unit)
	ours := measureBBS(m, *runs)
	measurePurse(m, *runs)
	if *peers {
		for _, peer := range []func(*meter, int) (verified, error){measureAries, measureGabi} {
			theirs, err := peer(m, *runs/2+1)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("proof verify: %.1f times as fast as %s; derive: %.1f times\n",
				theirs.verify.ratio/ours.verify.ratio, theirs.name, theirs.derive.ratio/ours.derive.ratio)
		}
	}
	fmt.Printf("%s, %s/%s, GOMAXPROCS %d\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	m.print(os.Stdout)
}

// verified is what of a scheme is compared: a proof of 10 messages of which 3 are shown.
type verified struct {
	name           string
	derive, verify row
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
