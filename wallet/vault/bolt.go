//go:build !js

package vault

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrInUse is returned by [OpenFile] when another program has the file open.
var ErrInUse = errors.New("the wallet's file is in use by another program")

// File is a [Store] in one bbolt file.
type File struct{ db *bbolt.DB }

var bucket = []byte("vault")

// OpenFile opens the file at path, or makes it, readable by its owner alone. It waits two seconds for another program
// to let go of it and then returns [ErrInUse].
func OpenFile(path string) (*File, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 2 * time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("opening wallet file: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing wallet file: %w", err), db.Close())
	}
	return &File{db}, nil
}

// Close lets go of the file.
func (f *File) Close() error { return f.db.Close() }

// Get implements [Store].
func (f *File) Get(name []byte) (value []byte, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		value = bytes.Clone(tx.Bucket(bucket).Get(name))
		return nil
	})
	return value, err
}

// Put implements [Store].
func (f *File) Put(name, value []byte) error { return f.Batch([]Change{{name, value}}) }

// Delete implements [Store].
func (f *File) Delete(name []byte) error { return f.Batch([]Change{{name, nil}}) }

// List implements [Store].
func (f *File) List() (names [][]byte, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(k, _ []byte) error {
			names = append(names, bytes.Clone(k))
			return nil
		})
	})
	return names, err
}

// Batch implements [Store].
func (f *File) Batch(changes []Change) error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, c := range changes {
			var err error
			if c.Value == nil {
				err = b.Delete(c.Name)
			} else {
				err = b.Put(c.Name, c.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
