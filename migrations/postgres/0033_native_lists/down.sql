DROP INDEX changes_of_root;
DROP INDEX changes_workspace;
DROP INDEX files_quarantined;
DROP INDEX inspections_format;
DROP INDEX inspections_verdict;
DROP INDEX aliases_name;
