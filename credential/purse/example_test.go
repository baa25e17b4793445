package purse_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log"

	"kindpakket/credential/budget"
	"kindpakket/credential/purse"
)

// A parent is given € 300, buys for € 12.50, and takes € 2.50 of it back.
func Example() {
	header := purse.Header{Origin: "kindpakket.zuidhorn.example", Fund: "kindpakket", Period: "2027"}
	mint, err := purse.NewMint(rand.Reader, header) // the municipality
	check(err)
	key := mint.Key() // everyone

	words, err := purse.NewWords(rand.Reader) // the parent's twelve words
	check(err)
	seed, err := purse.ParseWords(words)
	check(err)
	holder := purse.NewHolder(seed, key)

	// Issue: the municipality chose the id, sees a request of 176 bytes and answers with 80.
	issueID := make([]byte, 32)
	rand.Read(issueID)
	request, err := holder.Request(rand.Reader, issueID)
	check(err)
	answer, err := mint.Issue(request, issueID, budget.Euros(300, 0))
	check(err)
	first, err := holder.Accept(issueID, budget.Euros(300, 0), answer)
	check(err)
	state := purse.NewState(first)
	fmt.Println(state, "holds", state.Balance())

	// Spend: the proof is written down, then sent.
	order := sha256.Sum256([]byte("the shop's order"))
	state, proof, err := holder.Begin(rand.Reader, state, purse.Step{Kind: purse.Purchase, Amount: budget.Euros(12, 50), Bind: order})
	check(err)

	// The ledger parses, looks whether it knows the serial, verifies, and lets the mint answer.
	spend, err := purse.ParseSpend(purse.Purchase, proof)
	check(err)
	accepted, err := key.Verify(spend, order, nil)
	check(err)
	answer, err = mint.Reissue(accepted, 0)
	check(err)
	check(key.CheckReissue(accepted, 0, answer)) // anyone, later
	fmt.Println("the shop sees", accepted.Amount(), "in", len(proof), "bytes")

	state, bought, err := holder.Finish(state, order, answer)
	check(err)
	fmt.Println("left:", state.Balance())

	// Return: the credit note is written for the purse's serial, and the proof shows that its holder is the buyer.
	state, _ = state.Tell()
	note := sha256.Sum256([]byte("the shop's credit note"))
	state, proof, err = holder.Begin(rand.Reader, state, purse.Step{Kind: purse.Return, Back: budget.Euros(2, 50), Bind: note, Original: bought})
	check(err)
	spend, err = purse.ParseSpend(purse.Return, proof)
	check(err)
	original := accepted.Commitment() // from the purchase's row in the ledger
	back, err := key.Verify(spend, note, &original)
	check(err)
	answer, err = mint.Reissue(back, budget.Euros(2, 50))
	check(err)
	state, _, err = holder.Finish(state, note, answer)
	check(err)
	fmt.Println("left:", state.Balance())
	// Output:
	// [redacted] holds € 300,00
	// the shop sees € 12,50 in 1288 bytes
	// left: € 287,50
	// left: € 290,00
}

// The phone is lost; the words bring the purse back from the feed that everyone can read.
func ExampleHolder_Recover() {
	header := purse.Header{Origin: "kindpakket.zuidhorn.example", Fund: "kindpakket", Period: "2027"}
	mint, err := purse.NewMint(rand.Reader, header)
	check(err)
	words, err := purse.NewWords(rand.Reader)
	check(err)
	seed, err := purse.ParseWords(words)
	check(err)
	holder := purse.NewHolder(seed, mint.Key())
	issueID := make([]byte, 32)
	rand.Read(issueID)
	request, err := holder.Request(rand.Reader, issueID)
	check(err)
	answer, err := mint.Issue(request, issueID, 5000)
	check(err)
	p, err := holder.Accept(issueID, 5000, answer)
	check(err)
	feed := purse.Feed{Issues: []purse.IssueRow{{Commitment: request.Commitment(), IssueID: issueID, Amount: 5000, Answer: answer}}}

	order := sha256.Sum256([]byte("order"))
	spend, err := holder.Spend(rand.Reader, p, purse.Step{Kind: purse.Purchase, Amount: 1250, Bind: order})
	check(err)
	accepted, err := mint.Key().Verify(spend, order, nil)
	check(err)
	answer, err = mint.Reissue(accepted, 0)
	check(err)
	feed.Spends = append(feed.Spends, purse.SpendRow{
		Serial: accepted.Serial(), Commitment: accepted.Commitment(), Amount: accepted.Amount(), Bind: order, Answer: &answer,
	})

	seed, err = purse.ParseWords(words) // on the new phone
	check(err)
	found, err := purse.NewHolder(seed, mint.Key()).Recover(feed)
	check(err)
	fmt.Println(len(found.Purses), "purse with", found.Purses[0].Balance(), "and", len(found.Openings), "purchase that can be taken back")
	// Output:
	// 1 purse with € 37,50 and 1 purchase that can be taken back
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
