DROP TABLE imported_nodes;
