// Package house tests that the code keeps to the floor plan of docs/architecture.md: arrows point down only, each third-party module
// has its door, what must be pure is pure, and no package is a drawer for odds and ends.
//
// It parses the files itself, in the process of its own test: what the go command lists is remembered by the test cache and served
// stale. The plan is data, in plan.go; testdata/planted is a house in which every rule is broken once.
//
//	for _, v := range house.Check(os.DirFS(root), house.Plan) {
//		t.Error(v)
//	}
package house
