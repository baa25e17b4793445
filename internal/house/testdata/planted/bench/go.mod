module kindpakket/bench
