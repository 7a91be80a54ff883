DROP TABLE events;
DROP TABLE members;
DROP TABLE properties;
DROP TABLE nodes;
DROP TABLE type_properties;
DROP TABLE types;
