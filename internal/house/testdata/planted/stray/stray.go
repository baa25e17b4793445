// Package stray stands in the garden.
package stray // want: floor
