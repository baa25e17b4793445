// Package helpers is a drawer.
package helpers // want: floor name
