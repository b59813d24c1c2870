"""The database of 2015, kept in step with today's: Bindings, Pipeline, Chassis and Encap.

``model``     the inputs from three databases, and where the outputs go
``bindings``  which port is on which chassis, in both directions
``chassis``   Chassis and Encap as the southbound has them
``pipeline``  the four tables of logical flows, from the northbound by the rules of 2015
``pace``      rest after work: a bound on the daemon's cost
``compat``    the daemon that joins them
``main``      the program ``ovn-compat2015``
"""
