"""The load generator of `talkd bench`: simulated users on a test server, and what they measure.

It speaks HTTP and WebSocket to the server at an address, as apps do, and knows nothing else of the server.

- `plan.py`: what a run does. `run.py`: the run, from the first account to the last that is removed.
- `crowd.py`: the accounts and rooms of a run. `user.py`: one simulated user; `actions.py`: what users do; `waiting.py`
  and `calls.py`: how they get messages, and how they call each other.
- `http.py` and `sockets.py`: the connections. `target.py`: the server, and whether it is one.
- `ledger.py`: whether each message arrived once and in order. `measures.py`: how long things took. `processes.py`: CPU
  and memory of the server and of the generator itself.
- `report.py`: the result as JSON and as a table. `plot.py` and `comparison.py`: pictures, and several results.
"""
