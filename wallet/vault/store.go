package vault

import (
	"maps"
	"slices"
	"sync"
)

// Store is a key-value store that holds a vault. It sees only sealed bytes under names that tell nothing. Its methods
// may be called by several goroutines. What it is given it must not keep or change, and what it returns is the caller's.
type Store interface {
	// Get returns the value under name, and nil if there is none.
	Get(name []byte) ([]byte, error)
	// Put sets one value; it is durable when Put returns nil.
	Put(name, value []byte) error
	// Delete removes one value. It is no error if there is none.
	Delete(name []byte) error
	// List returns all names, in any order.
	List() ([][]byte, error)
	// Batch makes all changes or none of them; they are durable when Batch returns nil.
	Batch(changes []Change) error
}

// Change sets the value under a name in a [Store], or deletes it if Value is nil.
type Change struct {
	Name  []byte
	Value []byte
}

// Memory is a [Store] that forgets everything when the program ends. The zero Memory is empty and ready.
type Memory struct {
	mu sync.Mutex
	m  map[string][]byte // guarded by mu
}

// Get implements [Store].
func (m *Memory) Get(name []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.m[string(name)]), nil
}

// Put implements [Store].
func (m *Memory) Put(name, value []byte) error { return m.Batch([]Change{{name, value}}) }

// Delete implements [Store].
func (m *Memory) Delete(name []byte) error { return m.Batch([]Change{{name, nil}}) }

// List implements [Store].
func (m *Memory) List() ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names [][]byte
	for name := range maps.Keys(m.m) {
		names = append(names, []byte(name))
	}
	return names, nil
}

// Batch implements [Store].
func (m *Memory) Batch(changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = map[string][]byte{}
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(m.m, string(c.Name))
		} else {
			m.m[string(c.Name)] = slices.Clone(c.Value)
		}
	}
	return nil
}
