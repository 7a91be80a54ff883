DELETE FROM properties WHERE custom AND name = 'modelport.approval';
DROP TABLE approvals;
