DROP TABLE instance;
DROP TABLE change;
DROP TABLE signing_key;
DROP TABLE session;
DROP TABLE account;
DROP TABLE tenant;
