// Package bolt keeps a ledger in one bbolt file on one node.
//
// One goroutine, the committer, takes whatever commands are queued (it never waits on a timer), decides them, writes
// the accepted ones with their Merkle nodes and a new signed checkpoint in one transaction, and only then answers. A
// refused command leaves no trace and does not disturb its neighbours. Signatures were checked before, in parallel, by
// the goroutines that ask.
//
// After a failed write or sync the log acknowledges nothing more until it is opened again: what the disk holds is then
// the truth. The newest checkpoint is also kept in a file of its own beside the database, so that an older copy put
// back in its place is noticed when the log is opened.
//
// It trusts the disk to keep what it synced, and the process's clock, which it never follows backwards.
package bolt
