// Package demo plays a day of a sample municipality and tells it in plain words.
//
// It is a user like any other: it starts the program it is part of as separate processes, types commands and speaks HTTP,
// and imports no room. What it shows is therefore what anybody can do.
package demo
