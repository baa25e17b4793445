// Package odds hides behind its directory.
package odds // want: name
