package main

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime"

	"kindpakket/credential/bbs"
	"kindpakket/credential/bbs/curve"
	"kindpakket/credential/budget"
	"kindpakket/credential/purse"
)

// pairingCheck is F.
func pairingCheck() func() {
	p := curve.SHA256.P1()
	k := curve.RandomScalar()
	q := curve.MultiplySecret(p, k)
	lines := curve.NewLines(curve.MultiplySecretG2(k))
	return func() {
		if !curve.PairsEqual(p, lines, q) {
			panic("a true equation does not hold")
		}
	}
}

// messages are the ten messages of every scheme; three are shown.
func messages() [][]byte {
	out := make([][]byte, 10)
	for i := range out {
		out[i] = fmt.Appendf(nil, "message number %d", i)
	}
	return out
}

var shown = []int{0, 4, 8}

func measureBBS(m *meter, runs int) verified {
	material := make([]byte, 32)
	rand.Read(material)
	key := must(bbs.KeyGen(bbs.SHA256, material, nil))
	public := key.Public()
	header, nonce, all := []byte("header"), []byte("nonce"), messages()
	sig := must(key.Sign(header, all))
	m.measure("BBS sign, 10 messages", "", runs, 1, func() { must(key.Sign(header, all)) })
	m.measure("BBS verify signature", "", runs, 1, func() { check(public.Verify(sig, header, all)) })
	out := verified{name: "credential/bbs"}
	out.derive = m.measure("BBS derive, 3 of 10 shown", "≤ 1.6 F", runs, 1, func() { must(public.ProofGen(sig, header, nonce, all, shown)) })
	proof := must(public.ProofGen(sig, header, nonce, all, shown)).Bytes()
	disclosed := make(map[int][]byte)
	for _, i := range shown {
		disclosed[i] = all[i]
	}
	out.verify = m.measure("BBS proof parse and verify", "≤ 2.0 F", runs, 1, func() {
		check(public.ProofVerify(must(bbs.ParseProof(proof)), header, nonce, disclosed))
	})
	return out
}

func measurePurse(m *meter, runs int) {
	header := purse.Header{Origin: "ledger.example", Fund: "kindpakket", Period: "2027"}
	mint := must(purse.NewMint(rand.Reader, header))
	holder := purse.NewHolder(must(purse.ParseWords(must(purse.NewWords(rand.Reader)))), mint.Key())
	id := make([]byte, 32)
	rand.Read(id)
	request := must(holder.Request(rand.Reader, id))
	m.measure("purse request", "", runs, 1, func() { must(holder.Request(rand.Reader, id)) })
	answer := must(mint.Issue(request, id, 25000))
	m.measure("purse issue, request verified", "", runs, 1, func() { must(mint.Issue(request, id, 25000)) })
	p := must(holder.Accept(id, 25000, answer))
	step := purse.Step{Kind: purse.Purchase, Amount: 1250, Bind: sha256.Sum256([]byte("order"))}
	m.measure("purse spend prove", "≤ 3.0 F", runs, 1, func() { must(holder.Spend(rand.Reader, p, step)) })
	proof := must(holder.Spend(rand.Reader, p, step)).Bytes()
	m.measure("purse spend parse", "", runs, 1, func() { must(purse.ParseSpend(purse.Purchase, proof)) })
	m.measure("purse spend parse and verify", "≤ 3.5 F", runs, 1, func() {
		must(mint.Key().Verify(must(purse.ParseSpend(purse.Purchase, proof)), step.Bind, nil))
	})
	accepted := must(mint.Key().Verify(must(purse.ParseSpend(purse.Purchase, proof)), step.Bind, nil))
	m.measure("purse re-issue", "", runs, 1, func() { must(mint.Reissue(accepted, 0)) })
	again := must(mint.Reissue(accepted, 0))
	m.measure("purse re-issue accepted by its holder", "", runs, 1, func() { must(holder.Next(p, step, again)) })

	items := make([]purse.Item, 256)
	for i := range items {
		bind := sha256.Sum256(fmt.Appendf(nil, "order %d", i))
		made := must(holder.Spend(rand.Reader, p, purse.Step{Kind: purse.Purchase, Amount: budget.Cents(i + 1), Bind: bind}))
		items[i] = purse.Item{Kind: purse.Purchase, Proof: made.Bytes(), Bind: bind}
	}
	batch := func() {
		for _, err := range must2(mint.Key().VerifyBatch(items)) {
			check(err)
		}
	}
	m.measure(fmt.Sprintf("a spend of a batch of 256, decoded, %d processors", runtime.GOMAXPROCS(0)), "≤ 0.8 F", runs/3+1, len(items), batch)
	before := runtime.GOMAXPROCS(1)
	m.measure("a spend of a batch of 256, decoded, 1 processor", "≤ 0.8 F", runs/3+1, len(items), batch)
	runtime.GOMAXPROCS(before)
}

func must2(_ []*purse.Accepted, errs []error) []error { return errs }
