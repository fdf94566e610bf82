"""In which experiment a request is at home, and whether the person may do it there.

Each declared route names one of these functions. It finds the experiments that the request reaches
and raises for what the person may not; it may put other values into what is sent, and where it
returns an answer, nothing is sent at all.
"""
