// Package letter makes the printable page by which a family gets its card: a QR code with the offer, the activation code,
// three steps and where to find help, in Dutch (language level B1) or English.
//
// [Write] gives one HTML document with a page of A4 paper for each letter. Browsers print it as it is; it loads nothing
// and runs nothing, and says so in its Content-Security-Policy. A letter has no name, no children and no amount on it:
// only the reference by which the municipality puts it into the right envelope.
//
// Whoever holds the letter can take the card. [Secret] keeps its two codes out of logs and errors; the document itself
// has to be treated like the money, and is best printed at once and not kept.
package letter
