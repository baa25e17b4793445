// Package serve makes HTTP handlers out of functions of values, and serves them: on TCP, on unix sockets, until told to stop.
//
//	mux := http.NewServeMux()
//	mux.Handle("POST /requests", serve.JSON(problems, v.Ask)) // func(context.Context, AskRequest) (Asked, error)
//	err := serve.Server{Handler: mux, Log: log}.Run(ctx, listener)
//
// It trusts nothing of what comes in: bodies have a size and a media type, unknown and repeated members are refused. It logs of a
// request its route, status and duration and nothing else: not the path's variables, no address, no header, no body, and of a
// panic its place and type. Nothing that could point to a parent reaches a log by way of this package.
package serve
