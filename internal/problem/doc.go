// Package problem turns a room's errors into the answers of RFC 9457 (Problem Details for HTTP APIs), at the room's door and nowhere else.
//
// A room decides in its own words, with sentinel errors. Its handler.go holds one [Table] that says, for each error a caller can
// do something about, the status, the type and a sentence for people:
//
//	var problems = problem.Table{
//		{Is: ledger.ErrSpent, Status: 409, Type: "/problems/already-spent", Title: "This payment was already made."},
//		{Is: (*ledger.ConflictError)(nil), Status: 409, Type: "/problems/conflict", Title: "Somebody was first."},
//	}
//
// What is not in the table is our own fault: the caller gets a bare 500, and the log gets the types of the error and no text of it,
// because the text of an unforeseen error may hold what must not be kept (an address, a path, a claim).
//
// OAuth endpoints do not use this package; they speak OAuth's own error JSON (RFC 6749, Section 5.2).
package problem
