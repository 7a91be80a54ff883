DELETE FROM upkeep WHERE task = 'audit';
DROP TABLE audit;
DROP TABLE audit_upkeep;
