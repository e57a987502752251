DROP INDEX deal_moves_at;
DELETE FROM deal_months WHERE status = 'lost';
