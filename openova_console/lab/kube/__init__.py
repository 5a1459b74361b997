"""The lab's Kubernetes API: an in-memory object store behind the REST and watch protocol of kube-apiserver 1.34.

It answers the verbs that the console uses and refuses what the real server refuses, with the same bodies.
"""
