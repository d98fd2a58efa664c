"""The files of small projects, and the facts in them.

base       what a file and a fact are
settings   ini, env, toml, yaml, json, properties: flat and nested
project    pyproject, package.json, Makefile, README, changelog, licence, Dockerfile, ...
code       Python, JavaScript, shell, SQL, ...
data       tables and logs
prose      notes, to-do lists, letters, running text
layout     which files stand together, and where
"""
