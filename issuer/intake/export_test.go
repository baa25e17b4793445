package intake

// Texts opens the sentences of a reason to the tests.
func (r Reason) Texts() (nl, en string) { return r.texts() }
