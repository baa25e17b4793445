// Package bbs is a second opinion on credential/bbs: its signatures and proofs are accepted by, and it accepts those of,
// an implementation that shares nothing with it. Start it with ./run; the peer runs in node.
package bbs
