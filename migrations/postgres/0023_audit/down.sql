DELETE FROM upkeep WHERE task = 'audit';
DROP TABLE audit;
DROP FUNCTION audit_only_grows();
DROP TABLE audit_upkeep;
