// Modules of which only the custom resource definitions are used: nothing is built from them.
module openova.io/console/peers/crds

go 1.26

require sigs.k8s.io/gateway-api v1.4.1
